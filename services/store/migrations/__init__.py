"""How the tables of earlier releases become those of this one. Run by `jagawana migrate`, and by SQLite's opening."""
