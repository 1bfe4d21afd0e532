package snapfile

// Limits are the bounds of a file, for the tests.
type Limits = limits

// ReadWithin is Read with bounds that a test can reach.
var ReadWithin = read
