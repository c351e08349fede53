// PostGraphile 5 on the tables as they are; what they do not hold (the sums of an item) is added as SQL expressions.
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
  const pieces = (alias) =>
    sql`(select sum(q.quantity) from basket_item_division q where q.item_id = ${alias}.id)`;
  return {
    typeDefs: gql`
      extend type Query { activeBasket: Basket }
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
