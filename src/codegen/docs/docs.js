// Both documents on one page. Scalar would ask other hosts for fonts, telemetry and its assistant; all are off.
const quiet = {
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  showDeveloperTools: 'never',
  hideClientButton: true,
  defaultHttpClient: { targetKey: 'shell', clientKey: 'curl' },
  documentDownloadType: 'json',
  orderSchemaPropertiesBy: 'preserve',
};

globalThis.Scalar.createApiReference('#docs', [
  {
    ...quiet,
    title: 'REST API',
    slug: 'rest',
    url: 'openapi.json',
    default: true,
    authentication: { preferredSecurityScheme: 'bearerAuth' },
  },
  // Made from asyncapi.json for readers; the document itself is linked in its introduction.
  {
    ...quiet,
    title: 'WebSocket API',
    slug: 'websocket',
    url: 'websocket.json',
    documentDownloadType: 'none',
  },
]);
