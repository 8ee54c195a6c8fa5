"""What travels with an export and imports nothing of medcnn: each file is copied as it stands."""
