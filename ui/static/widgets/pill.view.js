const view = () => `<a class="pill" href="#learning"><span class="dot"></span><span class="words">${esc(WORDS.connecting)}</span><span class="bar" hidden><i></i></span></a>`;
