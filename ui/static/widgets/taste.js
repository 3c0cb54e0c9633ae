// "Not now" lets a question rest, in this tab only.
element.addEventListener('click', event => {
  const later = event.target.closest('[data-later]')?.dataset.later;
  if (later) look({later: [see.later, later].filter(Boolean).join(',')});
});
