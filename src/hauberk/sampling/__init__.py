"""What a network answers under noise: votes, and what can be concluded from their number."""
