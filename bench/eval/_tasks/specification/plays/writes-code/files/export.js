export const csv = (orders) => orders.map((o) => [o.number, o.date, o.total].join(",")).join("\n");
