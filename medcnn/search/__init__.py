"""The search for hyper-parameters: grid, random, coarse to fine, and Parzen estimators, on Optuna."""
