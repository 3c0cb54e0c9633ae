// "Not now" lets a question rest, in this tab only.
onPress((_, {later}) => look({later: [see.later, later].filter(Boolean).join(',')}), '[data-later]');
