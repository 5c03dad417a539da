// How @graphql-eslint looks at the schema and at the documents in clients/, from the
// repository's root. Every rule that is bent has its reason beside it.
import { fileURLToPath } from 'node:url';
import graphql from '@graphql-eslint/eslint-plugin';

const { configs } = graphql;
const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const languageOptions = {
  parser: graphql.parser,
  parserOptions: { graphQLConfig: { schema: path('../schema.graphqls'), documents: path('documents/*.graphql') } },
};
const plugins = { '@graphql-eslint': graphql };

export default [
  {
    files: ['schema.graphqls'],
    languageOptions,
    plugins,
    rules: {
      ...configs['flat/schema-recommended'].rules,
      ...configs['flat/schema-relay'].rules,
      // Figures, pages, payloads and answers of subscriptions are no things that could
      // be asked for again.
      '@graphql-eslint/strict-id-in-types': [
        'error',
        {
          exceptions: {
            types: ['PageInfo', 'UserAlias', 'Retained', 'Numbers', 'DimensionValue'],
            suffixes: [
              'Connection', 'Edge', 'Payload', 'Stats', 'Count', 'Sums', 'Appended',
              'Aggregate', 'Bucket', 'Group', 'Groups', 'Series', 'Figures',
            ],
          },
        },
      ],
      // A user's name is its username, in Principal and in the filters too.
      '@graphql-eslint/no-typename-prefix': 'off',
      // Beyond the recommendation: fields, arguments and enum values too.
      '@graphql-eslint/require-description': [
        'error',
        { types: true, rootField: true, DirectiveDefinition: true, EnumValueDefinition: true, FieldDefinition: true, InputValueDefinition: true },
      ],
      // Short lists of a known size (levels, tenants) are no pages.
      '@graphql-eslint/relay-edge-types': ['error', { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false }],
    },
  },
  {
    files: ['clients/documents/*.graphql'],
    languageOptions,
    plugins,
    rules: configs['flat/operations-recommended'].rules,
  },
];
