"""Tests of several processes that read rows of the same snapshot."""
