// Authentication of the peers, as ours does it: a token's digest is looked up, and its buyer cached for 5 seconds.
import { createHash } from "node:crypto";

const SECONDS = 5;
const BUYER = {
  name: "buyer",
  rowMode: "array",
  text: `SELECT u.id FROM token t JOIN user_account u ON u.id = t.user_id
    JOIN division d ON d.id = u.division_id
    WHERE t.digest = $1 AND u.is_active AND d.is_active`,
};

export function createBuyers(pool) {
  const cached = new Map();
  return async function buyerOf(header) {
    const entry = cached.get(header);
    if (entry !== undefined && entry.until > performance.now()) return entry.id;
    const token = (header ?? "").replace(/^Token /i, "");
    const digest = createHash("sha256").update(token).digest("hex");
    const { rows } = await pool.query({ ...BUYER, values: [digest] });
    if (rows.length === 0) throw new Error("The token is not valid.");
    cached.set(header, { id: rows[0][0], until: performance.now() + 1000 * SECONDS });
    return rows[0][0];
  };
}
