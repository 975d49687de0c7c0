"""The procedures of the tests of the optional keys, and in `_scene` what those tests share."""
