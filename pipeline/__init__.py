"""The machinery: records, configuration, engines, grading, search, consensus, shards, datasets.

It knows nothing of Prefect, and no annotator by name. `pipeline.batch.run_batch` runs it all.
"""
