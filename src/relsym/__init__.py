"""relsym: does a language model know which relations are symmetric?"""

__version__ = "0.1.0"
