"""Stage configuration as code: what systems hold is compared with the files, shown, and put right.

Everything between reading and writing is a pure function: `bind` says what is what, `diff` what is to be done,
`forecast` what will be there then.
"""
