// Shows the API's description, of which requests can be tried.

// The validator is another host's.
window.SwaggerUIBundle({ url: "openapi.json", dom_id: "#docs", validatorUrl: null, deepLinking: true });
