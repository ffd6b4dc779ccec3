"""The closed set: which rows come along with the chosen ones, through references."""
