"""Settings: a configuration, composed from YAML and checked before anything heavy is loaded."""
