"""Product data as columns: tables of products, how they are built, and how several become one."""
