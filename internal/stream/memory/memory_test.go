package memory_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/carriertest"
	"github.com/zeblit/zeblit/internal/stream/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCarrier(t *testing.T) {
	t.Parallel()
	carriertest.Test(t, func(*testing.T) (publisher, subscriber stream.Carrier) {
		c := memory.New()
		return c, c
	})
}
