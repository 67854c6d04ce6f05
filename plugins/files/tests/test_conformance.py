from instep.testing import ConnectorConformance
from instep_files import files


class TestFiles(ConnectorConformance):
    plugin = files
