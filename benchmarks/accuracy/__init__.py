"""Test errors: the paper's tables, other data, other digit sizes, the defaults, fine-tuning."""
