"""Read and check CSV files: good rows as columns, rejected ones with their reason. Pure.

source      the file: plain, gzip, zip or Parquet; its header; its bytes in chunks
kinds       which kind of file the header makes it, and where its columns are
batches     the bytes as records, a few MiB at a time: by pyarrow where that is exact (`pieces`),
            one record at a time where it is not (`records`)
status, hours, special_hours, timezones, labels
            the records as checked columns, with the rules of `checks` and `timestamps`
"""
