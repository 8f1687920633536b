import { _, type CodeKeywordDefinition, str } from 'ajv';

/**
 * The keyword `x-max-bytes`: how long a value may be as a whole, in bytes of its JSON in UTF-8. JSON Schema bounds
 * each string and the number of properties, and so nothing of an object that is the application's own.
 */
export const maxBytes: CodeKeywordDefinition = {
  keyword: 'x-max-bytes',
  schemaType: 'number',
  error: {
    message: ({ schema }) => str`must NOT be longer than ${schema} bytes as JSON`,
    params: ({ schema }) => _`{limit: ${schema}}`,
  },
  code: (context) => {
    const { data, schema } = context;
    context.fail(_`new TextEncoder().encode(JSON.stringify(${data})).length > ${schema}`);
  },
};
