const PRODUCTS = [
  { name: 'Kettle', price: 30, addedAt: '2026-03-01', sold: 12 },
  { name: 'apple slicer', price: 8, addedAt: '2026-05-01', sold: 90 },
  { name: 'Bowl', price: 12, addedAt: '2026-01-01', sold: 40 },
];

exports.list = () => PRODUCTS;
