//go:build !unix

package host

import (
	"context"
	"errors"
	"os"
)

func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }

func waitLock(context.Context, *os.File) error { return errors.ErrUnsupported }
