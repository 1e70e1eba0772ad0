"""Results in the database, through the ORM."""

from .models import Result


class Results:
    """The table of what store_result() keeps, in the database of a Store."""

    def __init__(self, store):
        self._store = store

    @property
    def rows(self):
        return self._store.rows(Result)

    def store(self, id, content, expiry):
        row = Result(id=id, content=content, expires=self._store.now + expiry)
        options = {"update_fields": ["content", "expires"]}
        features = self._store.connection.features
        if features.supports_update_conflicts_with_target:
            options["unique_fields"] = ["id"]
        self.rows.bulk_create([row], update_conflicts=True, **options)

    def get(self, id):
        """Return the content, as bytes, or None."""
        kept = self.rows.filter(id=id, expires__gt=self._store.now)
        content = kept.values_list("content", flat=True).first()
        return None if content is None else bytes(content)

    def discard(self, id):
        self.rows.filter(id=id).delete()

    def sweep(self, limit):
        """Delete some that have expired. Return how many."""
        expired = self.rows.filter(expires__lte=self._store.now)
        ids = list(expired.values_list("id", flat=True)[:limit])
        if ids:
            # One may have been stored again meanwhile.
            expired.filter(id__in=ids).delete()
        return len(ids)

    def clear(self):
        self.rows.all().delete()
