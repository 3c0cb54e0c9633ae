"""Facts on disk: everything the app must remember, in one SQLite file. SQL stays in here."""
