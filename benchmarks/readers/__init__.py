"""Programs of others that read an API, each written as its documentation says; `benchmarks.extracting` runs them."""
