"""The words that invented names are made of, and how people misspell an industry."""

from __future__ import annotations


def _words(*lines: str) -> tuple[str, ...]:
    return tuple(" ".join(lines).split())


FIRST = _words(
    "Abena Ada Alva Amina Anouk Arvid Beatrix Bodo Caspar Cleo Dagny Darius Edda Efua Elio Enno Fabian Farah",
    "Fenna Gregor Gudrun Hana Henrik Ilka Imre Isolde Ivo Jael Jasper Kaja Kenji Klara Lasse Leonie Lorenz Malik",
    "Marit Milan Mina Nadia Nils Odette Olga Oskar Paloma Pelle Priya Quentin Rafael Ragna Rosa Selma Sigrid",
    "Silas Tamar Thea Timo Ulla Uwe Vera Viggo Wanda Wim Xenia Yara Yusuf Zora",
)

LAST = _words(
    "Abendrot Achterberg Birkenau Blumfeld Brockhaus Cresswater Dornfeld Eichwald Fairbrook Falkenrath Feldkamp",
    "Finchley Glimmer Grauwald Hagedorn Haselmoor Hollowell Immerthal Jadewell Kaltenbach Kestrelle Kornblum",
    "Lindqvist Lorrimer Marwood Mistelbach Moorhead Nachtigal Nettleford Obermoor Oakenshaw Pfeffer Pemberwick",
    "Quastenberg Ravensholm Rosskamp Rotfuchs Sandoval Silbermann Sommerfeld Steinhart Tannenberg Thistlewood",
    "Umbach Underhill Varnholt Vossberg Waldhorn Wetherby Windisch Winterbourne Yellowlees Zauberfeld Zimtbaum",
)

NAME_STARTS = _words(
    "Amber Arc Birch Blue Bright Cedar Clear Copper Crane Delta Ember Fern Flint Glass Gold Green Harbour Hazel",
    "Iron Juniper Lark Linden Lumen Maple Meadow Mist Moss North Oak Opal Owl Pearl Pine Quartz Raven Reed River",
    "Rowan Sage Silver Slate Sparrow Stone Summit Swift Thistle Tide Umber Velvet Willow Wren Zephyr",
)

NAME_ENDS = {
    "e-commerce": _words("basket cart crate lane market parcel pantry rack shelf shop store trolley wares yard"),
    "life-sciences": _words("assay cell cure dose gene helix lab medica pharm serum vial vita zyme"),
    "higher-education": ("Academy", "College", "Institute", "Polytechnic", "School", "University"),
}

INDUSTRIES = {
    "e-commerce": ("e-commerce",),
    "life-sciences": ("biotechnology", "pharmaceuticals", "medical-devices"),
    "higher-education": ("higher-education",),
}

SPELLINGS = {
    "e-commerce": ("E-commerce", "E-commerce", "ecommerce", "E-Comerce", "Online retail"),
    "biotechnology": ("Biotechnology", "Biotechnology", "Biotech", "Biotechnolgy"),
    "pharmaceuticals": ("Pharmaceuticals", "Pharmaceuticals", "Pharma", "Pharmacueticals"),
    "medical-devices": ("Medical devices", "Medical devices", "Med. devices"),
    "higher-education": ("Higher education", "Higher education", "Higher Ed", "University", "Highr education"),
}
"""Every one of these is in the reviewed table of mappings/exports.toml."""

UNMAPPED_INDUSTRY = "Haberdashery 2.0"
"""This one is not."""

LEGAL_FORMS = ("GmbH", "AG", "Ltd", "Inc.", "BV", "AB")

TITLES = {
    "e-commerce": ("Head of Online Sales", "Shop Manager", "Chief Digital Officer", "Logistics Lead", "Buyer"),
    "life-sciences": ("Head of Laboratory IT", "Quality Manager", "Chief Scientific Officer", "Validation Lead"),
    "higher-education": ("Registrar", "Head of Campus IT", "Dean of Students", "Chancellor", "Librarian"),
}

PLACES = (
    ("Lindenhafen", "Germany"),
    ("Moosburg am See", "Germany"),
    ("Port Ellery", "United Kingdom"),
    ("Upper Marlow", "United Kingdom"),
    ("Vallensund", "Sweden"),
    ("Oosterwoud", "Netherlands"),
    ("Clearwater Falls", "United States"),
    ("Maple Junction", "United States"),
)

PRODUCTS = ("Compass", "Ledger", "Lantern", "Almanac")
