"""Files into the database: uploads, the inbox folder, and the job that loads a file."""
