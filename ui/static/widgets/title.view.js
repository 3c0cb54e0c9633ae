const view = value => `<h1 title="${esc(value.text)}">${esc(value.text)}</h1>`;
