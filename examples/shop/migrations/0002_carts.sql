CREATE TABLE cart (
  id TEXT PRIMARY KEY,
  created_at TEXT NOT NULL DEFAULT (datetime('now'))
) STRICT;

CREATE TABLE cart_line (
  cart_id TEXT NOT NULL REFERENCES cart (id) ON DELETE CASCADE,
  product_id TEXT NOT NULL REFERENCES product (id),
  quantity INTEGER NOT NULL CHECK (quantity > 0),
  PRIMARY KEY (cart_id, product_id)
) STRICT;
