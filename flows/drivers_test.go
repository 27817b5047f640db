package flows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/memory"
	"github.com/elloloop/identity/storage/postgres"
	"github.com/elloloop/identity/storage/postgres/pgtest"
	"github.com/elloloop/identity/storage/sqlite"
	"github.com/elloloop/identity/storage/sqlite/sqlitetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// TestOnDrivers runs once more, on SQLite and on Postgres, what rests on the
// database: what is taken once, raced, ended together, found by an index. All tests
// of the package run in memory.
func TestOnDrivers(t *testing.T) {
	for _, driver := range []string{"sqlite", "postgres"} {
		for name, test := range map[string]func(*testing.T){
			"StepRace": TestStepRace, "StepReplay": TestStepReplay, "OneCodeRaced": TestOneCodeRaced, "PasskeyRaced": TestPasskeyRaced, "LimitRace": TestLimitRace,
			"Passkey": TestPasskey, "AddPasskey": TestAddPasskey, "TOTP": TestTOTP, "RecoveryCode": TestRecoveryCode, "SecondFactorTries": TestSecondFactorTries,
			"Register": TestRegister, "RegisterFails": TestRegisterFails, "Consent": TestConsent, "SelectAccount": TestSelectAccount,
			"SessionFixation": TestSessionFixation, "Logout": TestLogout, "SignOut": TestSignOut, "Departed": TestDeparted,
			"Lock": TestLock, "KnownDevice": TestKnownDevice, "Tabs": TestTabs, "StepUp": TestStepUp,
			"EmailCode": TestEmailCode, "MagicLink": TestMagicLink, "Recover": TestRecover, "MailboxProven": TestMailboxProven,
			"RegisterByMail": TestRegisterByMail, "MailRaced": TestMailRaced,
			"StricterPolicy": TestStricterPolicy, "TenantSecondFactor": TestTenantSecondFactor, "TenantOfOthers": TestTenantOfOthers,
			"TenantFormsOnce": TestTenantFormsOnce, "TenantFormsRaced": TestTenantFormsRaced,
			"QRRaced": TestQRRaced, "PhoneCode": TestPhoneCode, "PhoneUnknown": TestPhoneUnknown, "PhoneRaced": TestPhoneRaced, "AccountPhone": TestAccountPhone, "Help": TestHelp,
			"LockedLetter": TestLockedLetter, "GrowingDelay": TestGrowingDelay, "GuessesOfAnAccount": TestGuessesOfAnAccount,
			"Verify": TestVerify, "VerifyRaced": TestVerifyRaced, "Terms": TestTerms,
			"EmailChange": TestEmailChange, "EmailChangeStopped": TestEmailChangeStopped, "EmailChangeRaced": TestEmailChangeRaced,
			"Invite": TestInvite, "InviteEnded": TestInviteEnded, "InviteAccounts": TestInviteAccounts, "InviteRaced": TestInviteRaced,
			"InvitedByMail": TestInvitedByMail, "InvitedRaced": TestInvitedRaced,
		} {
			t.Run(driver+"/"+name, test)
		}
	}
}

// openRepository opens the driver of the test: memory, unless TestOnDrivers runs it.
func openRepository(t testing.TB, now func() time.Time) graph.Repository {
	t.Helper()
	var r graph.Repository
	var err error
	switch {
	case strings.HasPrefix(t.Name(), "TestOnDrivers/sqlite/"):
		r, err = sqlite.Open(t.Context(), storage.Schema(), sqlite.Config{Path: sqlitetest.File(t), Synchronous: "NORMAL", Now: now})
	case strings.HasPrefix(t.Name(), "TestOnDrivers/postgres/"):
		d := pgtest.Shared(t, func(d pgtest.Database) error {
			_, err := postgres.Migrate(t.Context(), postgres.Config{DSN: d.App, MigrateDSN: d.Owner})
			return err
		})
		r, err = postgres.Open(t.Context(), storage.Schema(), postgres.Config{DSN: d.App, Now: now})
	default:
		r = memory.Open(storage.Schema(), memory.Config{Now: now})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}
