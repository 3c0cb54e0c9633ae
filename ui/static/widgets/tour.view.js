const view = () => `<section class="tour" aria-label="${esc(WORDS.title)}" hidden></section>`;
