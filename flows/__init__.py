"""What users touch: the Prefect flow, the console command, and the recipes."""
