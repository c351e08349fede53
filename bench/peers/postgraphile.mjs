// PostGraphile 5 on the tables as they are; what they do not hold (the sums) is added as SQL expressions.
import { createServer } from "node:http";
import { context } from "postgraphile/grafast";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { makePgService } from "postgraphile/adaptors/pg";
import { extendSchema, gql } from "postgraphile/utils";
import { postgraphile } from "postgraphile";
import pg from "pg";
import { createBuyers } from "./buyers.mjs";

const [port, url] = process.argv.slice(2);
const POOL_SIZE = 20;
const pool = new pg.Pool({ connectionString: url, max: POOL_SIZE });
const buyerOf = createBuyers(pool);

const Sums = extendSchema((build) => {
  const { sql } = build;
  const { TYPES } = build.dataplanPg;
  const { basket } = build.input.pgRegistry.pgResources;
  // An expression of a row's table, in the statement that reads the row.
  const expression = (codec, text) => ($row) => $row.select(text($row.getClassStep().alias), codec);
  const items = (alias, column) => sql`(select coalesce(sum(${column}), 0) from basket_item i
    join basket_item_division q on q.item_id = i.id where i.basket_id = ${alias}.id)`;
  const pieces = (alias) =>
    sql`(select sum(q.quantity) from basket_item_division q where q.item_id = ${alias}.id)`;
  return {
    typeDefs: gql`
      extend type Query { activeBasket: Basket }
      extend type Basket { totalAmount: BigInt! totalQuantity: BigInt! itemCount: BigInt! currency: String }
      extend type BasketItem { totalAmount: BigInt! quantity: BigInt! }
      extend type BasketItemDivision { totalAmount: BigInt! }
    `,
    objects: {
      Query: {
        plans: {
          activeBasket() {
            const $baskets = basket.find({ user_id: context().get("buyer") });
            $baskets.where(sql`${$baskets.alias}.segment = 0 and ${$baskets.alias}.status = 'ACTIVE'`);
            return $baskets.single();
          },
        },
      },
      Basket: {
        plans: {
          totalAmount: expression(TYPES.bigint, (alias) => items(alias, sql`i.price * q.quantity`)),
          totalQuantity: expression(TYPES.bigint, (alias) => items(alias, sql`q.quantity`)),
          itemCount: expression(
            TYPES.bigint, (alias) => sql`(select count(*) from basket_item i where i.basket_id = ${alias}.id)`,
          ),
          currency: expression(
            TYPES.text,
            (alias) => sql`(select i.currency from basket_item i where i.basket_id = ${alias}.id limit 1)`,
          ),
        },
      },
      BasketItem: {
        plans: {
          totalAmount: expression(TYPES.bigint, (alias) => sql`${alias}.price * ${pieces(alias)}`),
          quantity: expression(TYPES.bigint, pieces),
        },
      },
      BasketItemDivision: {
        plans: {
          totalAmount: expression(
            TYPES.bigint,
            (alias) => sql`${alias}.quantity * (select i.price from basket_item i where i.id = ${alias}.item_id)`,
          ),
        },
      },
    },
  };
});

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [Sums],
  // Lists instead of connections, which cost more.
  schema: { defaultBehavior: "list -connection" },
  pgServices: [makePgService({ pool, schemas: ["public"] })],
  grafserv: { graphiql: false, watch: false },
  grafast: {
    explain: false,
    async context(request) {
      return { buyer: await buyerOf(request.node?.req.headers.authorization) };
    },
  },
};

const instance = postgraphile(preset);
const server = createServer();
await instance.createServ(grafserv).addTo(server);
server.listen(Number(port), "127.0.0.1");
