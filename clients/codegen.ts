import type { CodegenConfig } from '@graphql-codegen/cli';

const config: CodegenConfig = {
  schema: '../schema.graphqls',
  documents: 'documents/*.graphql',
  generates: {
    'generated/types/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        strictScalars: true, // a scalar that is missing below is an error, not `any`
        defaultScalarType: 'unknown',
        scalars: { ID: 'string', Int64: 'number', Time: 'string', JSON: 'unknown' },
        enumsAsTypes: true,
        useTypeImports: true,
      },
    },
  },
};
export default config;
