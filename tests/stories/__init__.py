"""Whole releases, told through one channel each, and what they leave behind."""
