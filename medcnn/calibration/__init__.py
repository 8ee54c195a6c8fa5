"""What is learnt on validation after training: what makes a probability safe to use."""
