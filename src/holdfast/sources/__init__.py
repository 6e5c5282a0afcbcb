"""Reading SaaS applications' APIs: requests, paging, splitting pages into raw records, blobs. Stores nothing."""
