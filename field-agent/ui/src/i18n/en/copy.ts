export default {
  copy: {
    title: 'Copy for the party',
    text: 'The party scans the code with a telephone, or takes the file.',
    qr: 'QR code of the copy for the party',
    later: 'Without network here, the page behind the code shows this record once this tablet has synced.',
    file: 'Save the copy as a file',
    large: 'Enlarge the code',
    small: 'Close',
  },
}
