"""The lane's database; the only user of sqlite-utils."""
