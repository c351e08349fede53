"use strict";

const example = `# Press the pink button and choose an operation.
# The header below says who is asking.

mutation FillMyBasket {
  basketItemsAdd(
    input: {
      items: [
        { productRemoteId: 1, divisionErpCode: "ERP01", quantity: 1 }
        { sku: "SKU01", divisionErpCode: "ERP02", quantity: 2 }
        { sku: "SKU03", divisionErpCode: "ERP01" }
      ]
    }
  ) {
    basket {
      totalAmount
      totalQuantity
    }
    userErrors {
      code
      message
      field
    }
  }
}

query MyBasket {
  activeBasket {
    id
    version
    totalAmount
    totalQuantity
    currency
    items {
      product {
        sku
        name
      }
      price
      quantity
      totalAmount
      divisions {
        division {
          name
          erpCode
        }
        quantity
      }
    }
  }
}

query WhoAmI {
  viewer {
    email
    divisions {
      id
      erpCode
      name
      isActive
    }
  }
}
`;

const root = document.getElementById("graphiql");
const token = root.dataset.token || "YOUR-TOKEN";
const headers = JSON.stringify({ Authorization: "Token " + token }, null, 2);

ReactDOM.render(
  React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url: window.location.pathname }),
    defaultQuery: example,
    defaultHeaders: headers,
    headers: headers,
    isHeadersEditorEnabled: true,
    defaultEditorToolsVisibility: "headers",
    shouldPersistHeaders: false,
  }),
  root,
);
