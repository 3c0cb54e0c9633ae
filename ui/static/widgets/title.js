watch('value', () => { document.title = props.value.text + ' · chatfeedback'; });
