const view = value => `<button type="button" class="stop-writing" aria-label="Stop" title="Stop" ${value.writing ? '' : 'hidden'}><span aria-hidden="true"></span></button>`;
