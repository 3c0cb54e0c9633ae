// What belongs to the page and to no widget: theme, views, shortcuts, scrolling, status polling.
(() => {
  const root = document.documentElement;
  const find = query => document.querySelector(query);
  const composer = () => find('#message textarea');
  const isNarrow = () => matchMedia('(max-width: 767px)').matches;
  const isTyping = node => node?.matches?.('input, textarea, select, [contenteditable=true]');

  // --- theme: the system's, unless chosen here ---
  const paint = () => {
    const chosen = localStorage.getItem('cf-theme');
    if (chosen) document.body.classList.toggle('dark', chosen === 'dark');
  };
  document.addEventListener('cf:theme', event => {
    if (event.detail === undefined || event.detail === null) return;
    event.detail ? localStorage.setItem('cf-theme', event.detail) : localStorage.removeItem('cf-theme');
    document.body.classList.toggle('dark', (event.detail || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark');
  });
  const flip = () => {
    localStorage.setItem('cf-theme', document.body.classList.contains('dark') ? 'light' : 'dark');
    paint();
    document.dispatchEvent(new CustomEvent('cf:theme', {}));
  };

  // --- views: the chat, or a page that the sidebar links to (#learning) ---
  const links = () => [...document.querySelectorAll('#nav a')];
  const showView = () => {
    const name = location.hash.slice(1);
    root.dataset.view = name && links().some(link => link.hash === '#' + name) ? name : 'chat';
    for (const link of links()) {
      const isHere = link.hash === (root.dataset.view === 'chat' ? '' : '#' + root.dataset.view);
      isHere ? link.setAttribute('aria-current', 'page') : link.removeAttribute('aria-current');
      if (isHere) document.title = (link.hash ? link.textContent + ' · ' : '') + 'chatfeedback';
    }
    for (const view of document.querySelectorAll('#chat-view, .view'))
      view.toggleAttribute('data-shown', view.id === root.dataset.view + '-view');
    document.dispatchEvent(new Event('cf:view'));
    if (isNarrow()) root.dataset.side = 'closed';
  };
  const showFirstView = () => {
    root.dataset.view = location.hash.slice(1) || 'chat';
    const isThere = links().length && links().every(link => !link.hash || find(link.hash + '-view'));
    isThere ? showView() : setTimeout(showFirstView, 50);
  };
  const leavePage = () => {
    if (location.hash) { history.replaceState(null, '', location.pathname + location.search); showView(); }
    if (isNarrow()) root.dataset.side = 'closed';
  };

  // --- the sidebar ---
  const toggleSide = () => {
    const open = root.dataset.side ? root.dataset.side === 'open' : !isNarrow();
    root.dataset.side = open ? 'closed' : 'open';
    for (const button of document.querySelectorAll('.side-toggle')) button.setAttribute('aria-expanded', String(!open));
  };

  // --- the transcript stays at its end unless the person scrolled up ---
  let follows = true, lastTop = 0;
  const toEnd = () => { const box = find('#scroll'); if (box) box.scrollTop = box.scrollHeight; };
  const pin = () => {
    const box = find('#scroll');
    if (!box) return setTimeout(pin, 100);
    box.addEventListener('scroll', () => {
      // Growing text also fires this; only moving up means that the person wants to read there.
      if (box.scrollHeight - box.scrollTop - box.clientHeight < 60) follows = true;
      else if (box.scrollTop < lastTop - 2) follows = false;
      lastTop = box.scrollTop;
      find('#to-end')?.toggleAttribute('hidden', follows);
    }, {passive: true});
    const keep = () => { if (follows) toEnd(); };
    new ResizeObserver(keep).observe(box);
    new MutationObserver(keep).observe(box, {childList: true, subtree: true, characterData: true});
  };

  // --- the composer: names for its buttons, and text put into it ---
  const nameButtons = () => {
    const box = composer();
    if (box && !box.hasAttribute('aria-label')) box.setAttribute('aria-label', WORDS.message);
    const button = find('#message .submit-button');
    if (button && button.getAttribute('aria-label') !== WORDS.send) button.setAttribute('aria-label', WORDS.send);
  };
  const type = text => {
    const box = composer();
    box.value = text;
    box.dispatchEvent(new Event('input', {bubbles: true}));
  };
  // --- what is being written is kept in this browser until it was sent and arrived ---
  const draftKey = () => 'cf-draft-' + (new URL(location).searchParams.get('c') || 'new');
  const keepDraft = text => text.trim() ? localStorage.setItem(draftKey(), text) : localStorage.removeItem(draftKey());
  const showDraft = () => {
    const box = composer(), text = localStorage.getItem(draftKey());
    if (!box || box.disabled) return setTimeout(showDraft, 100);
    if (text && !box.value && !sent && !root.hasAttribute('data-writing')) type(text);
  };
  document.addEventListener('input', event => { if (event.target === composer()) keepDraft(event.target.value); });
  let swaps = false; // the next change of address is to another conversation, with a draft of its own
  for (const name of ['cf:new', 'popstate']) (name === 'popstate' ? window : document).addEventListener(name, () => { swaps = true; });
  document.addEventListener('cf:address', () => {
    if (swaps) type(localStorage.getItem(draftKey()) || '');
    else if (composer()?.value) keepDraft(composer().value);
    swaps = false;
  });
  let sent = null, due = null; // what is on its way, and what is to be sent in place of the box
  document.addEventListener('cf:answering', () => {
    if (sent && localStorage.getItem(sent.key) === sent.text) localStorage.removeItem(sent.key);
    sent = null;
  });
  window.cfTakeDraft = typed => {
    const text = due ?? typed;
    if (text.trim() && !root.hasAttribute('data-writing')) {
      if (due === null) type('');
      if (!composer().value) {
        sent = {key: draftKey(), text};
        localStorage.setItem(sent.key, text);
      }
    }
    due = null;
    document.dispatchEvent(new Event('cf:asked'));
    return text;
  };
  // --- a message that comes before the model is ready waits in this browser, then goes by itself ---
  const queueKey = () => draftKey().replace('cf-draft-', 'cf-queued-');
  const queued = () => localStorage.getItem(queueKey());
  const mustWait = () => window.cfStatus && (window.cfStatus.offline || ['starting', 'loading', 'restarting'].includes(window.cfStatus.engine.phase));
  const showQueued = () => {
    const place = find('#queued'), text = queued();
    root.toggleAttribute('data-queued', Boolean(text));
    if (!place) return;
    place.hidden = !text;
    place.querySelector('.bubble').textContent = text || '';
    if (text && follows) toEnd();
  };
  const queue = text => {
    if (queued()) return; // one at a time; what is typed next stays in the box
    localStorage.setItem(queueKey(), text);
    if (composer().value === text) { type(''); keepDraft(''); }
    follows = true;
    showQueued();
  };
  const takeQueued = () => {
    const text = queued();
    localStorage.removeItem(queueKey());
    showQueued();
    return text;
  };
  const unqueue = () => {
    const text = takeQueued();
    if (text) type(composer().value.trim() ? text + '\n' + composer().value : text);
    composer().focus();
  };
  // Two tabs may wait with the same message: whoever takes it first sends it.
  const sendQueued = () => {
    if (!queued() || window.cfStatus?.engine.phase !== 'ready' || root.hasAttribute('data-writing')) return;
    if (!composer() || composer().disabled) return;
    navigator.locks.request('cf-queue', () => {
      due = takeQueued();
      if (!due) return;
      find('#message .submit-button')?.click();
      setTimeout(() => { if (due) { queue(due); due = null; } }, 3000); // it was not taken
    });
  };
  document.addEventListener('cf:queue', event => queue(event.detail));
  for (const name of ['cf:address', 'cf:status', 'cf:answering']) document.addEventListener(name, () => { showQueued(); sendQueued(); });
  window.addEventListener('storage', showQueued);
  const send = text => {
    if (!composer() || composer().disabled) return;
    type(text);
    setTimeout(() => find('#message .submit-button')?.click(), 60);
  };

  // --- a comparison that waits for a vote gives the keys 1 2 0 9 to the vote ---
  document.addEventListener('cf:transcript', event => {
    const waits = event.detail?.items?.some(item => item.compare?.votable);
    const box = composer();
    if (waits && document.activeElement === box && !box.value.trim()) box.blur();
    if (event.detail?.live) { if (event.detail.items.length) root.dataset.busy = 'yes'; else delete root.dataset.busy; }
  });

  // --- status, every two seconds while the page is looked at ---
  const poll = async () => {
    let wait = 2000;
    if (!document.hidden) {
      try {
        const answer = await fetch('api/v1/status', {cache: 'no-store'});
        if (!answer.ok) throw new Error(String(answer.status));
        window.cfStatus = await answer.json();
      } catch {
        window.cfStatus = {offline: true, engine: {phase: 'failed', message: WORDS.offline}, learning: {phase: 'idle', message: ''}};
      }
      if (window.cfStatus.engine.phase !== 'ready') wait = 1000;
      root.dataset.engine = window.cfStatus.engine.phase;
      document.dispatchEvent(new CustomEvent('cf:status', {detail: window.cfStatus}));
      const notice = find('#engine-notice');
      if (notice) {
        const engine = window.cfStatus.engine;
        notice.hidden = engine.phase === 'ready';
        if (notice.textContent !== engine.message) notice.textContent = engine.message;
      }
    }
    clearTimeout(timer);
    timer = setTimeout(poll, wait);
  };
  let timer = 0;
  document.addEventListener('cf:poll', poll);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) poll(); });

  // Another person acts: their conversations, from the start.
  document.addEventListener('cf:person', () => { if (queued()) unqueue(); location.replace('./'); });
  document.addEventListener('cf:type', event => type(event.detail));
  document.addEventListener('cf:send', event => send(event.detail));
  document.addEventListener('cf:navigated', () => { swaps = true; leavePage(); follows = true; setTimeout(toEnd, 300); });
  window.addEventListener('hashchange', showView);
  document.addEventListener('click', event => {
    if (event.target.closest('#theme-toggle')) flip();
    if (event.target.closest('.side-toggle, #side-shade')) toggleSide();
    if (event.target.closest('[data-unqueue]')) unqueue();
    if (event.target.closest('#to-end')) { follows = true; toEnd(); }
    if (event.target.closest('#open-finder')) document.dispatchEvent(new Event('cf:find'));
    const drawer = event.target.closest('#open-drawer');
    if (drawer) document.dispatchEvent(new CustomEvent('cf:drawer', {detail: drawer}));
    if (event.target.closest('#keys [data-close]') || event.target === find('#keys')) find('#keys').close();
    // The page has a base address, from which a bare #name would lead out of the conversation.
    const place = event.target.closest('a[href^="#"]');
    if (place && !event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); location.hash = place.getAttribute('href'); }
    if (event.target.closest('#nav a[href="./"]')) { event.preventDefault(); leavePage(); composer()?.focus(); }
    if (event.target.closest('#new-chat')) { document.dispatchEvent(new Event('cf:new')); leavePage(); }
    if (event.target.closest('#message .submit-button')) follows = true;
  });
  // Stopped here, before the page's own listeners: a blank is not sent, one answer is written at a
  // time, so that what is typed next stays in the box, and a model that is not ready is waited for.
  const holdBack = event => {
    const text = composer().value;
    if (due !== null || (text.trim() && !root.hasAttribute('data-writing') && !mustWait())) return;
    event.preventDefault();
    event.stopPropagation();
    if (text.trim() && mustWait()) queue(text);
  };
  document.addEventListener('keydown', event => {
    if (event.key === 'Enter' && !event.shiftKey && event.target === composer()) holdBack(event);
  }, true);
  document.addEventListener('click', event => { if (event.target.closest?.('#message .submit-button')) holdBack(event); }, true);
  document.addEventListener('keydown', event => {
    if (event.key === 'Enter' && event.target.closest?.('#message')) follows = true;
    if (event.key === 'Escape' && isTyping(event.target) && event.target.closest('#message')) return event.target.blur();
    if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey || event.repeat || find('dialog[open]')) return;
    if (event.key === '/') { event.preventDefault(); return composer()?.focus(); }
    const votes = [...document.querySelectorAll(`#transcript .vote[data-key="${CSS.escape(event.key)}"]`)];
    const vote = votes.reverse().find(each => !each.disabled && each.offsetParent);
    if (vote) { event.preventDefault(); return vote.click(); }
    if (event.key === '?') { event.preventDefault(); find('#keys').showModal(); }
    if (isInChat() && KEYS[event.key] && pressLast(KEYS[event.key])) event.preventDefault();
  });

  // --- keys for the last answer, and for the page ---
  const KEYS = {'+': '[data-do=thumb][data-value="1"]', '-': '[data-do=thumb][data-value="-1"]', ArrowLeft: '[data-do=sibling][data-way=before]', ArrowRight: '[data-do=sibling][data-way=after]'};
  const isInChat = () => root.dataset.view === 'chat';
  const pressLast = query => {
    const button = [...document.querySelectorAll('#transcript ' + query)].pop();
    if (button && !button.disabled) button.click();
    return button;
  };
  const CHORDS = {
    k: () => document.dispatchEvent(new Event('cf:find')),
    O: () => find('#new-chat')?.click(),
    S: toggleSide,
    C: () => pressLast('[data-do=copy]'),
    Enter: () => pressLast('[data-do=regenerate]'),
  };
  document.addEventListener('keydown', event => {
    if (event.repeat || find('dialog[open]')) return;
    const box = event.target === composer() ? composer() : null;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && CHORDS[event.key]) {
      if (event.key === 'Enter' && (box?.value || !isInChat())) return;
      event.preventDefault(); event.stopPropagation();
      return CHORDS[event.key]();
    }
    if (event.key === 'Escape' && root.hasAttribute('data-writing')) { event.stopPropagation(); return find('.stop-writing')?.click(); }
    if (!box || box.value || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const query = event.key === 'ArrowUp' ? '[data-do=edit]' : KEYS[event.key.startsWith('Arrow') ? event.key : ''];
    if (query && pressLast(query)) event.preventDefault();
  }, true);

  // --- a place that was found: open its conversation, then go to the message ---
  document.addEventListener('cf:go', event => {
    let tries = 40;
    const look = () => {
      const found = find(`#transcript [data-message="${CSS.escape(event.detail.message)}"]`);
      if (!found) return tries-- > 0 ? setTimeout(look, 100) : undefined;
      follows = false;
      found.scrollIntoView({block: 'center'});
      found.classList.add('found');
      setTimeout(() => found.classList.remove('found'), 2500);
    };
    leavePage();
    setTimeout(look, 350); // after the page has gone to the end of what it opened
  });

  const boot = () => {
    paint();
    // Gradio sets its own theme class while it starts; the choice made here wins.
    const watcher = new MutationObserver(paint);
    watcher.observe(document.body, {attributes: true, attributeFilter: ['class']});
    setTimeout(() => watcher.disconnect(), 4000);
    new MutationObserver(nameButtons).observe(document.body, {childList: true, subtree: true});
    nameButtons(); showFirstView(); pin(); poll(); showDraft();
  };
  document.body ? boot() : document.addEventListener('DOMContentLoaded', boot);
})();
