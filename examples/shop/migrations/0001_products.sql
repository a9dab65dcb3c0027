CREATE TABLE product (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  price_cents INTEGER NOT NULL CHECK (price_cents > 0),
  stock INTEGER NOT NULL DEFAULT 0 CHECK (stock >= 0)
) STRICT;

INSERT INTO product (id, name, price_cents, stock) VALUES
  ('mug', 'Enamel mug', 1250, 120),
  ('kettle', 'Camping kettle', 3900, 14),
  ('lantern', 'Storm lantern', 5475, 9),
  ('blanket', 'Wool blanket', 8900, 6),
  ('knife', 'Folding knife', 2995, 40),
  ('matches', 'Storm matches', 320, 500);
