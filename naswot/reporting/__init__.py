"""Reports for readers without the code: captions, HTML tables, and one page with everything."""
