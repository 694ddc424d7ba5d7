"""From scores and searches to the numbers that are reported."""
