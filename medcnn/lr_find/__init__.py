"""The learning-rate range test (Smith 2017): a rising rate, the loss it leaves, and one suggestion."""
