from tests.property.store_machine import StoreMachine

TestStore = StoreMachine.TestCase
